import { test } from "vitest";
import { connectEngine } from "../../src/engine/connect.js";
import { containerRequest } from "../support/container-request.js";
test("x", async () => {
  await using e = await connectEngine({kind:"unix",address:"unix:///var/run/docker.sock",source:"t"});
  const id = await e.createContainer(containerRequest({image:"lab/base:1",nanoCpus:0}));
  await e.startContainer(id);
  const t=performance.now(); const lap=(n:string)=>{console.log(n,(performance.now()-t).toFixed(1))};
  await using s = await e.exec({container:id,command:["/bin/sh","-c","head -c 3; exit 5"],tty:false});
  let n=0; let on=true;
  s.stdin.on("close",()=>{lap("stdin closed "+n);on=false});
  (async()=>{ const b=Buffer.alloc(1<<16); while(on){ n+=b.length; if(!s.stdin.write(b)) await new Promise(r=>{s.stdin.once("drain",r);s.stdin.once("close",r)}); } lap("writer done "+n)})();
  s.stdout.on("end",()=>lap("end")); s.stdout.on("data",()=>lap("data"));s.stderr!.resume();
  setTimeout(async()=>{lap("n="+n);console.log(await (e as any).inspectContainer(id).then((x:any)=>x.status))},500);
  console.log(await s.exitCode()); lap("exit");
  await e.removeContainer(id);
});

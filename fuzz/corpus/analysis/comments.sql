SELECT/**/a--b
#c
/* d /* e */ f */FROM/*!50000 t*/ /*M! u */